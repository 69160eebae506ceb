"""The inputs of record_head.py and record_heads.py, which tests/mpi/head_inputs.hpp repeats: rows at cosine +-1, at an angle
near pi, with a loss at its bound, and centres in opposite directions."""
from reference_run import formula

CLASSES, SIZE, ROWS = 7, 8, 12
LABELS = [0, 1, 2, 3, 4, 5, 6, 0, 2, 2, 1, 0]


def inputs():
    """(embeddings (ROWS, SIZE), weight (CLASSES, SIZE)), float64."""
    weight = formula(1, CLASSES * SIZE).reshape(CLASSES, SIZE) * 0.03
    weight[5] = -weight[4] + 0.05 * weight[6]
    embeddings = formula(2, ROWS * SIZE).reshape(ROWS, SIZE) * 2.0
    embeddings[1] = 2.0 * weight[1]                              # cosine 1
    embeddings[2] = -3.0 * weight[2]                             # cosine -1: theta + m beyond pi
    embeddings[4] = -40.0 * weight[4]                            # a loss at its bound, -log(1e-30)
    embeddings[8] = -5.0 * weight[2] + 0.5 * weight[0]           # theta within m of pi
    return embeddings, weight
