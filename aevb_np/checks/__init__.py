"""The verification kit: are the gradients and the bound of a hand-written VAE right, and if not, what is wrong?

`aevb check FILE.py` checks a file that defines

    value(parameters, x, eps)        the bound, or a loss: one number, or a dictionary of numbers that add up to it
    gradients(parameters, x, eps)    a dictionary with the gradient of value in every array of parameters
    parameters(D, H, J)              a dictionary of arrays: their shapes count, the kit fills in numbers of its own

for x of shape (M, D), rows between 0 and 1, and eps of shape (M, J), standard normal noise, so that z = mu + sigma eps.
Three verdicts are given, each right, wrong or not judged: that the code runs and repeats itself, that the gradients are
those of the value, and that the value is the bound. The value has to be computed in float64 to be judged. It may go up
or down, be a sum or a mean over the rows, and have a prior on the weights; parameters may be nested, as lists of layers
are. The value is judged if the network is the paper's: one hidden layer of tanh units on either side, heads for mu and
log sigma^2 (or log sigma), which may be two halves of one array. Any other network declares what it is:

    UNITS = "relu"                   or "softplus", "elu", "sigmoid", "leaky relu": the paper's network with other units
    encode(parameters, x)            gives mu and log sigma^2; with decode(parameters, z), which gives the logits or the
    decode(parameters, z)            decoder's mean (and log sigma^2), the value of a network of any kind is judged
    DECODER = "gaussian"             eq. (12) instead of "bernoulli", eq. (11); or "gaussian, variance 1", or "squared
                                     error", the sum of (x - mean)^2
    KL_WEIGHT = 4                    what the value multiplies the KL with
    D = 16, J = 4, SHAPE = (4, 4)    other sizes; with SHAPE x is (M, 4, 4), one image a row
    LABELS = 4                       every function gets one more argument, y of shape (M, 4), rows of a unit matrix
    ONE_ROW = True                   x is (D,) and eps (J,): one datapoint at a time
    update(parameters, x, eps)       moves the weights, in place of gradients; RATE = 0.01 says by how much
    EPS = "(L, M, J)"                or "(L*M, J)", all rows, then all rows again: several samples, averaged
    COLUMNS = True                   x is (D, M) and eps (J, M): every datapoint is a column
    NAMES = {"W1": "phi.hidden.W", "V": "theta.logits.W.T", "s": "phi.log_sigma.b", ...}    with or without parameters
    SIGN = -1, SCALE = "mean"        a loss; "sum" or "mean" over the rows
    NO_LOG_2PI = True                the value leaves out D/2 log(2 pi) of a Gaussian decoder on purpose
    PRIOR_WEIGHT = 0.1               what the value has of log N(w; 0, I), if it is not 1 beside the sum over all rows
    NETWORK = "other"                it is not tried to read the arrays as those of the paper's network
    sample(mu, log_var, eps)         z, by functions with these very arguments: its moments are tested
    kl(mu, log_var)                  the KL, one number or one for each row: it is tested against samples

NAMES uses the names of the reference: theta.hidden, theta.logits (or theta.mean, theta.log_var), phi.hidden, phi.mean,
phi.log_var, each with .W (n_in, n_out) and .b; .T says that yours is transposed, log_sigma that it gives log sigma.
In a report h_enc and h_dec are the hidden units of encoder and decoder, a what tanh or sigmoid takes, m the mean of a
Gaussian decoder. The command ends with 0 if nothing is wrong and the gradients were judged, 1 if something is wrong or
the gradients cannot be judged, 2 if it was used wrongly. What was not judged stands in the last line.

The same from Python: `check_vae(value, gradients, parameters)`, and for any function at all
`check_gradients(value, parameters, gradients)` with dictionaries of arrays.
"""

from aevb_np.checks.facts import check_sampler
from aevb_np.checks.gradients import check_gradients
from aevb_np.checks.report import Report
from aevb_np.checks.vae import check_vae

__all__ = ["check_gradients", "check_vae", "check_sampler", "Report"]
