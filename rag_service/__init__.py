"""Private question answering over a folder of documents, with checked citations."""

import os

# OpenMP's threads spin while they wait, by default: with any other process on the cores,
# torch and FAISS become ten times slower. It is read once, when the first of them loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
