"""easy-VQA: 5,000 small rendered pictures, 48,248 questions, 13 answers; installs with pip."""
