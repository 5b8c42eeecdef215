"""What a person made, given to somebody else: a model folder, ONNX, a page in one file."""
