"""A folder of diffusers opens here, and ours opens there: the same weights give the same prediction."""

import sys

import torch
from diffusers import UNet2DModel

from engine.registry import open_model

folder = sys.argv[1] if len(sys.argv) > 1 else "assets/checkpoints/digits"
ours = open_model(folder)
theirs = UNet2DModel.from_pretrained(folder, subfolder="unet").eval()

x_t, t = torch.randn(4, *ours.shape, generator=torch.Generator().manual_seed(0)), 500
labels = torch.tensor([0, 1, 2, 3]) if ours.class_names else None
with torch.no_grad():
    here = ours.denoiser.output(x_t, ours.schedule.level(t), labels)
    there = theirs(x_t, t - 1, labels).sample  # diffusers counts 0 … T − 1 where the papers count 1 … T
print(
    f"{ours.title}: {sum(p.numel() for p in theirs.parameters()):,} weights, pictures of {' × '.join(map(str, ours.shape))}"
)
print(f"largest difference of the two predictions: {float((here - there).abs().max()):.1e}")
