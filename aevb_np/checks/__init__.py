"""The verification kit: are the gradients and the bound of a hand-written VAE right, and if not, what is wrong?

`aevb check FILE.py` checks a file that defines

    value(parameters, x, eps)        the bound, or a loss: one number, or a dictionary of numbers that add up to it
    gradients(parameters, x, eps)    a dictionary with the gradient of value in every array of parameters
    parameters(D, H, J)              a dictionary of arrays: their shapes count, the kit fills in numbers of its own

for x of shape (M, D), rows between 0 and 1, and eps of shape (M, J), standard normal noise, so that z = mu + sigma eps.
The network is the paper's: tanh units, D - H - J and J - H - D, heads for mu and log sigma^2 (or log sigma), which
may be two halves of one array. Whether a value goes up or down, is a sum or a mean over the rows, has a prior on the
weights, and which array is which, the kit finds out by itself. The value has to be computed in float64 to be judged:
with float32's seven digits no gradient can be told from it. What the kit cannot find out, a file may declare:

    DECODER = "gaussian"             eq. (12) instead of "bernoulli", eq. (11)
    EPS = "(L, M, J)"                or "(L*M, J)", all rows, then all rows again: several samples, averaged
    COLUMNS = True                   x is (D, M) and eps (J, M): every datapoint is a column
    NAMES = {"W1": "phi.hidden.W", "V": "theta.logits.W.T", "s": "phi.log_sigma.b", ...}    with or without parameters
    SIGN = -1, SCALE = "mean"        a loss; "sum" or "mean" over the rows
    NO_LOG_2PI = True                the value leaves out D/2 log(2 pi) of a Gaussian decoder on purpose
    PRIOR_WEIGHT = 0.1               what the value has of log N(w; 0, I), if it is not 1 beside the sum over all rows
    NETWORK = "other"                not the paper's: only what needs no reference is checked
    sample(mu, log_var, eps)         z, by functions with these very arguments: its moments are tested
    kl(mu, log_var)                  the KL, one number or one for each row: it is tested against samples

NAMES uses the names of the reference: theta.hidden, theta.logits (or theta.mean, theta.log_var), phi.hidden, phi.mean,
phi.log_var, each with .W (n_in, n_out) and .b; .T says that yours is transposed, log_sigma that it gives log sigma.
In a report h_enc and h_dec are the tanh units of encoder and decoder, a what tanh or sigmoid takes, m the mean of a
Gaussian decoder. The command ends with 0 if all is right, 1 if it is wrong or cannot be told, 2 if it was used wrongly.

The same from Python: `check_vae(value, gradients, parameters)`, and for any function at all
`check_gradients(value, parameters, gradients)` with dictionaries of arrays.
"""

from aevb_np.checks.facts import check_sampler
from aevb_np.checks.gradients import check_gradients
from aevb_np.checks.report import Report
from aevb_np.checks.vae import check_vae

__all__ = ["check_gradients", "check_vae", "check_sampler", "Report"]
