"""Prints how exact the methods are, after their tests."""

import pytest

ERRORS = pytest.StashKey[dict[str, dict[str, float]]]()


@pytest.fixture
def exactness(request):
    """Where a test notes its largest relative errors: `exactness[method][what]`."""
    return request.config.stash.setdefault(ERRORS, {})


def pytest_terminal_summary(terminalreporter, config):
    if not (table := config.stash.get(ERRORS, None)):
        return
    columns = list(next(iter(table.values())))
    terminalreporter.section("largest relative error against the published formulas, in float64")
    terminalreporter.write_line(f"{'':<16}" + "".join(f"{column:>22}" for column in columns))
    for method, errors in table.items():
        terminalreporter.write_line(f"{method:<16}" + "".join(f"{errors.get(column, float('nan')):>22.1e}" for column in columns))
