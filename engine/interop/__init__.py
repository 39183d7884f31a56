"""Models of other libraries: diffusers folders, denoising-diffusion-pytorch, the Hugging Face Hub, uploads."""
