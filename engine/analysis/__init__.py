"""Analysis of a sampling step, of guidance, and of the inside of a U-Net."""
