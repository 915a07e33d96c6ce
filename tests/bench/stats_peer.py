"""MMD with 1,000 permutations on 2 x 5,000 points of 256 dimensions by NumPy and SciPy, four ways, and
by dsbias on the same cores in the same run.

    python3 stats_peer.py BENCH_STATS [THREADS]

index     K[perm][:, perm] block sums, as textbook code does; timed over 3 permutations, times 1,000
vector    s' K s for each permutation (s = +-1 labels), float64
matrix    all permutations in one product K @ S, float64
matrix32  the same in float32, kernel included: the fastest NumPy way we know
"""
import os
import subprocess
import sys
import time

threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)
import numpy as np
import scipy
from scipy.spatial.distance import cdist

N, DIM, B = 5000, 256, 1000
rng = np.random.default_rng(0)
X = rng.standard_normal((2 * N, DIM), dtype=np.float32)


def timed(f):
    """wall and CPU seconds (of all threads: what counts on a machine that does other things too)"""
    start, cpu = time.perf_counter(), time.process_time()
    value = f()
    return np.array([time.perf_counter() - start, time.process_time() - cpu]), value


def bandwidth():
    sub = X[rng.choice(2 * N, 1000, replace=False)].astype(float)
    return np.median(cdist(sub, sub)[np.triu_indices(1000, 1)])


def kernel64():
    d2 = cdist(X.astype(float), X.astype(float), "sqeuclidean")
    np.exp(d2 * (-1 / (2 * s * s)), out=d2)
    np.fill_diagonal(d2, 0)
    return d2


def kernel32():
    norm = np.einsum("ij,ij->i", X, X)
    d2 = X @ X.T
    d2 *= -2
    d2 += norm[:, None]
    d2 += norm[None, :]
    np.maximum(d2, 0, out=d2)
    d2 *= np.float32(-1 / (2 * s * s))
    np.exp(d2, out=d2)
    np.fill_diagonal(d2, 0)
    return d2


def signs(dtype):
    S = np.empty((2 * N, B + 1), dtype)
    base = np.repeat(np.array([1, -1], dtype), N)
    S[:, 0] = base
    for b in range(1, B + 1):
        S[:, b] = rng.permutation(base)
    return S


# with m = n: MMD^2_u = (sum_same - sum_cross (n-1)/n ...) is monotone in s'Ks, so p follows from it
def p_value(q):
    return (1 + np.sum(q[1:] >= q[0])) / (len(q))


def index(K, times):
    for _ in range(times):
        perm = rng.permutation(2 * N)
        a, b = perm[:N], perm[N:]
        K[np.ix_(a, a)].sum() / (N * (N - 1)) + K[np.ix_(b, b)].sum() / (N * (N - 1)) \
            - 2 * K[np.ix_(a, b)].sum() / (N * N)


def vector(K, S):
    return np.array([S[:, b] @ (K @ S[:, b]) for b in range(S.shape[1])])


def matrix(K, S):
    return np.einsum("ij,ij->j", S, K @ S)


s = bandwidth()
t64, K = timed(kernel64)
print(f"numpy {np.__version__}, scipy {scipy.__version__}, {threads} threads")
rows = {}
rows["index"] = t64 + timed(lambda: index(K, 3))[0] / 3 * B
S = signs(float)
some = 40
rows["vector"] = t64 + timed(lambda: vector(K, S[:, :some]))[0] / some * B
t, q = timed(lambda: matrix(K, S))
rows["matrix"] = t64 + t
del K, S
t32, K = timed(kernel32)
t, q32 = timed(lambda: matrix(K, signs(np.float32)))
rows["matrix32"] = t32 + t
out = subprocess.run([sys.argv[1], str(threads), "1"], capture_output=True, text=True, check=True).stdout
print(out, end="")
mmd = out.strip().splitlines()[-1]
ours = np.array([float(mmd.split(" s wall")[0].split()[-1]), float(mmd.split(" s CPU")[0].split()[-1])])
print(f"kernel: {t64[0]:.2f} s float64 (cdist), {t32[0]:.2f} s float32; p = {p_value(q):.3f}, {p_value(q32):.3f}")
for name, seconds in rows.items():
    print(f"{name:9s} {seconds[0]:9.2f} s wall {seconds[1]:9.2f} s CPU   {seconds[0] / ours[0]:7.1f} times "
          f"dsbias in wall, {seconds[1] / ours[1]:7.1f} in CPU")
