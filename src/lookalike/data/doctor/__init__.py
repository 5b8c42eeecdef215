"""What is wrong with a set: measurements, findings, advice."""
