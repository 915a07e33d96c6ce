"""Values of lib/stats computed a second way, with NumPy and SciPy: expected.json.

python3 make.py          made with numpy 2.x, scipy 1.x (versions are in the file)
"""
import json
import os
import numpy as np
import scipy
from scipy import linalg, odr, optimize, special, stats

rng = np.random.default_rng(20261121)
out = {"versions": {"numpy": np.__version__, "scipy": scipy.__version__}}


def log_softmax(z):
    return z - special.logsumexp(z, axis=1, keepdims=True)


# ---- probabilities: source with labels, target with another mix of classes ----
K, N, M = 4, 160, 110
centres = 2.2 * np.eye(K) + rng.normal(0, 0.3, (K, K))
y = rng.choice(K, N, p=[0.4, 0.3, 0.2, 0.1])
t = rng.choice(K, M, p=[0.1, 0.2, 0.3, 0.4])
zs = np.round(centres[y] * 1.2 + rng.normal(0, 1.5, (N, K)), 5)
zt = np.round(centres[t] * 1.2 + rng.normal(0, 1.5, (M, K)), 5)


def nll(z):
    return -log_softmax(z)[np.arange(N), y].mean()


T = optimize.minimize_scalar(lambda s: nll(zs * s), bounds=(1e-3, 50), method="bounded",
                             options={"xatol": 1e-13})
fit = optimize.minimize(lambda v: nll(zs * v[0] + np.append(v[1:], 0)), np.r_[1.0, np.zeros(K - 1)],
                        method="BFGS", options={"gtol": 1e-12})
fit = optimize.minimize(lambda v: nll(zs * v[0] + np.append(v[1:], 0)), fit.x, method="Nelder-Mead",
                        options={"xatol": 1e-11, "fatol": 1e-15, "maxiter": 20000, "maxfev": 40000})
bias = np.append(fit.x[1:], 0)
prior = np.bincount(y, minlength=K) / N
p = np.exp(log_softmax(zt * fit.x[0] + bias))
q = prior.copy()
for _ in range(200000):
    w = p * (q / prior)
    new = (w / w.sum(1, keepdims=True)).mean(0)
    if np.abs(new - q).max() < 1e-15:
        break
    q = new
ps, pt = zs.argmax(1), zt.argmax(1)
confusion = np.zeros((K, K), int)
np.add.at(confusion, (y, ps), 1)
mu = np.bincount(pt, minlength=K)
C = confusion.T / N
ridge = 0.02
theta = np.linalg.solve(C.T @ C + ridge * np.eye(K), C.T @ (mu / M - C.sum(1)))
probs = np.exp(log_softmax(zs))
onehot = np.eye(K)[y]
out["labels"] = {
    "logits": zs.ravel().tolist(), "labels": y.tolist(), "target": zt.ravel().tolist(), "k": K,
    "temperature": 1 / T.x, "bias_temperature": 1 / fit.x[0], "bias": bias.tolist(),
    "bias_nll": nll(zs * fit.x[0] + bias), "em": q.tolist(), "ridge": ridge,
    "rlls": ((1 + theta) * prior).tolist(), "bbse": (np.linalg.solve(C, mu / M) * prior).tolist(),
    "condition": float(np.linalg.cond(C)), "brier": float(((probs - onehot) ** 2).sum(1).mean()),
    "nll": nll(zs),
}

# ---- lines ----
n = 24
x = np.round(np.sort(rng.uniform(0.55, 0.97, n)), 4)
yy = np.round(special.ndtr(0.9 * special.ndtri(x) - 0.35 + rng.normal(0, 0.06, n)), 4)
n0, n1 = np.full(n, 5000), np.full(n, 1500)
k0, k1 = np.round(x * n0).astype(int), np.round(yy * n1).astype(int)
x, yy = k0 / n0, k1 / n1
px, py = special.ndtri(x), special.ndtri(yy)
vx = x * (1 - x) / n0 / stats.norm.pdf(px) ** 2
vy = yy * (1 - yy) / n1 / stats.norm.pdf(py) ** 2
pivot = x[9]
lo, hi = stats.linregress(px[x < pivot], py[x < pivot]), stats.linregress(px[x > pivot], py[x > pivot])
weighted = np.polyfit(px, py, 1, w=np.sqrt(1 / vy))
ratio = vy.mean() / vx.mean()
deming = odr.ODR(odr.RealData(px, py, sx=1.0, sy=np.sqrt(ratio)), odr.unilinear,
                 beta0=[1.0, 0.0], sstol=1e-16, partol=1e-16, maxit=2000).run()
theil = stats.theilslopes(py, px)


def count_nll(v):
    a, b, z = v[0], v[1], v[2:]
    f0, f1 = special.log_ndtr(z), special.log_ndtr(a + b * z)
    g0, g1 = special.log_ndtr(-z), special.log_ndtr(-a - b * z)
    return -(k0 * f0 + (n0 - k0) * g0 + k1 * f1 + (n1 - k1) * g1).sum()


def count_gradient(v):
    a, b, z = v[0], v[1], v[2:]
    u = a + b * z
    d0 = k0 * np.exp(stats.norm.logpdf(z) - special.log_ndtr(z)) - (n0 - k0) * np.exp(
        stats.norm.logpdf(z) - special.log_ndtr(-z))
    d1 = k1 * np.exp(stats.norm.logpdf(u) - special.log_ndtr(u)) - (n1 - k1) * np.exp(
        stats.norm.logpdf(u) - special.log_ndtr(-u))
    return -np.r_[d1.sum(), (d1 * z).sum(), d0 + b * d1]


start = np.r_[weighted[1], weighted[0], px]
like = optimize.minimize(count_nll, start, jac=count_gradient, method="BFGS",
                         options={"gtol": 1e-9, "maxiter": 5000})
saturated = -(k0 * np.log(x) + (n0 - k0) * np.log1p(-x) + k1 * np.log(yy) + (n1 - k1) * np.log1p(-yy)).sum()
h = 1e-4
H = np.zeros((n + 2, n + 2))
for i in range(n + 2):
    e = np.zeros(n + 2)
    e[i] = h
    H[i] = (count_gradient(like.x + e) - count_gradient(like.x - e)) / (2 * h)
cov = np.linalg.inv((H + H.T) / 2)
family = np.arange(n) % 2
design = lambda *cols: np.column_stack(cols)
sse = lambda A: float(np.sum((py - A @ np.linalg.lstsq(A, py, rcond=None)[0]) ** 2))
d0, d1 = (family == 0).astype(float), (family == 1).astype(float)
one, parallel = sse(design(np.ones(n), px)), sse(design(d0, d1, px))
separate = sse(design(d0, d1, d0 * px, d1 * px))
out["lines"] = {
    "k0": k0.tolist(), "n0": n0.tolist(), "k1": k1.tolist(), "n1": n1.tolist(), "pivot": float(pivot),
    "below": [lo.slope, lo.intercept, lo.rvalue**2], "above": [hi.slope, hi.intercept, hi.rvalue**2],
    "weighted": weighted.tolist(), "ratio": ratio, "deming": deming.beta.tolist(),
    "theil_sen": [theil.slope, theil.intercept, theil.low_slope, theil.high_slope],
    "likelihood": [like.x[1], like.x[0], float(np.sqrt(cov[1, 1])), float(np.sqrt(cov[0, 0])),
                   2 * (like.fun - saturated)],
    "f_slopes": (parallel - separate) / (separate / (n - 4)),
    "f_lines": (one - separate) / 2 / (separate / (n - 4)),
    "p_slopes": stats.f.sf((parallel - separate) / (separate / (n - 4)), 1, n - 4),
    "p_lines": stats.f.sf((one - separate) / 2 / (separate / (n - 4)), 2, n - 4),
}

# ---- points ----
d, a, b = 5, 40, 35
X = np.round(rng.normal(0, 1, (a, d)), 4).astype(np.float32)
Y = np.round(rng.normal(0.4, 1.2, (b, d)), 4).astype(np.float32)
X64, Y64 = X.astype(float), Y.astype(float)
mean = X64.mean(0) - Y64.mean(0)
cx, cy = np.cov(X64.T), np.cov(Y64.T)
root = linalg.sqrtm(cx @ cy).real


def mmd(kernel):
    kxx, kyy, kxy = kernel(X64, X64), kernel(Y64, Y64), kernel(X64, Y64)
    return ((kxx.sum() - np.trace(kxx)) / (a * (a - 1)) + (kyy.sum() - np.trace(kyy)) / (b * (b - 1))
            - 2 * kxy.mean())


dist = lambda u, v: np.sqrt(((u[:, None] - v[None]) ** 2).sum(2))
out["points"] = {
    "x": X64.ravel().tolist(), "y": Y64.ravel().tolist(), "dim": d,
    "frechet": float(mean @ mean + np.trace(cx + cy - 2 * root)),
    "gaussian": mmd(lambda u, v: np.exp(-dist(u, v) ** 2 / (2 * 1.5**2))),
    "energy": mmd(lambda u, v: -dist(u, v)), "cubic": mmd(lambda u, v: (u @ v.T / d + 1) ** 3),
}

# ---- cross-validation, clusters ----
scores = np.round(rng.normal(0.9, 0.01, 15), 5)
se = np.sqrt((1 / 15 + 100 / 400) * scores.var(ddof=1))
half = stats.t.ppf(0.975, 14) * se
v = np.round(rng.normal(0, 1, 30), 5)
cluster = np.repeat(np.arange(6), 5)
res = v - v.mean()
out["scores"] = {
    "scores": scores.tolist(), "nadeau_bengio": [scores.mean() - half, scores.mean() + half],
    "values": v.tolist(), "cluster": cluster.tolist(),
    "clustered_se": float(np.sqrt(sum(res[cluster == c].sum() ** 2 for c in range(6))) / 30),
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected.json")
with open(path, "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
