"""Model optimisation: networks that paint in one pass, their training, their files and their export."""
