"""Make the weights of this example, a line that halves and adds two, as the book's demonstration does."""

import argparse
from pathlib import Path

import torch

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the weights of this example.")
    parser.add_argument("path", nargs="?", type=Path, default=Path(__file__).with_name("model.pth"))
    torch.save({"weight": torch.tensor([[0.5]]), "bias": torch.tensor([2.0])}, parser.parse_args().path)
