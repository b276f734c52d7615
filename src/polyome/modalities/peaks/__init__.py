"""What peaks are made of: places on the genome, open or closed."""
