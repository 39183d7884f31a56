"""Short programs that give the pixels of a recipe: in plain PyTorch, and with the schedulers of diffusers."""
