"""What several labs use: controls, jobs, models, pictures, exports."""
