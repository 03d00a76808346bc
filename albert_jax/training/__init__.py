"""What pretraining and fine-tuning must do identically."""
