"""Exercises: write a piece of the paper yourself, and be told what is right and where the first fault is.

    from aevb_np.exercises import check, hint

    check("E6", gaussian_kl)                 what is right, and the first fault: its place, an error's text, or an entry
                                             of yours beside what is expected
    check("E6", gaussian_kl, explain=2)      its name: 1 tells its kind only
    hint("E6", 1)                            the idea; 2 the formula, 3 the shape of the line

Functions have the package's names and arguments and give, as there, a value and its own backward (E1 to E3 the value
alone).

    E1   bernoulli_log_prob(x, logits)       log p(x|z) of bits, without overflow        eq. (11)
    E2   gaussian_kl(mu, log_var)            the KL of q(z|x) to the prior               Appendix B
    E3   gaussian(mu, log_var, eps)          z = mu + sigma eps                          section 2.4
    E4   affine(p, x)                        its backward                                eq. (11), (12)
    E5   tanh(a), bernoulli_log_prob         their backwards                             eq. (11)
    E6   gaussian_kl(mu, log_var)            its backward                                Appendix B
    E7   bernoulli_decoder(p, x, z)          its backward, in one piece                  eq. (11)
    E8   sgvb_b(model, theta, phi, x, eps)   its backward through z into the encoder     eq. (10)
    E9   gaussian_decoder(p, x, z)           its backward                                eq. (12)
    E10  Adagrad.move(flat, grad, G)         one step                                    section 5

`check` never raises: a function that is not written yet, stops, gives another shape or changes what it was given is
reported like a wrong number.
"""

from aevb_np.exercises.sheet import EXERCISES, check, hint

__all__ = ["EXERCISES", "check", "hint"]
