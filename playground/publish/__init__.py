"""Publishing the playground as a Space of the Hugging Face Hub: python -m playground.publish --space USER/NAME"""
