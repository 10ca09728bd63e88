"""As A' is to A, so is the result to the content: from one pair of pictures, or from a style alone.

- With `--pair A A2`, Image Analogies: Gaussian pyramids, luminance remapping (section 3.4), the nearest neighbour by a search tree or
  the coherent one by κ (section 3.2), and steerable features for drawings (section 3.1). The presets set these: `painting` and `filter`
  differ in κ, `drawing` has steerable features, `numbers` compares and paints colours, for texture by numbers: A are labels as flat
  colours, A2 is a texture, and the content is new labels. `--coherence` is κ.
- With a STYLE and no pair, style transfer by patches: Elad & Milanfar 2017 (*Style Transfer via Texture Synthesis*, IEEE Transactions
  on Image Processing). From coarse to fine and from large patches to small ones, the nearest patches of the style are found and put
  together robustly, and the content is mixed in where it has edges. More of it stays with `--content-weight`. PatchMatch (Barnes,
  Shechtman, Finkelstein & Goldman 2009) is the search.
"""

from impasto.classic.rendering import Rendering

METHOD = Rendering(
    name="analogy",
    citation="Hertzmann, Jacobs, Oliver, Curless & Salesin, Image Analogies, SIGGRAPH 2001",
    good_at="a filter learned from one example, or a style's own patches",
    sources=frozenset({"content"}),
    optional=frozenset({"style"}),
    choices={"preset": ("painting", "filter", "drawing", "numbers")},
    options={"preset": "painting", "pair": None, "coherence": None, "content_weight": 3.0, "style_size": None},
)
