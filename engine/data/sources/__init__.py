"""Where picture sets come from: torchvision's, a folder, an uploaded zip, the Hugging Face Hub. Each gives a `Plan`."""
