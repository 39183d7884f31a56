"""What happens inside a sampling step, under guidance, and inside a U-Net, taken apart and measured."""
