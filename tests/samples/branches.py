import jax, jax.numpy as jnp
from jax import lax

def branches(a, b, flag):
    def inner(_, s):
        return s[1] @ s[0] * 0.1, s[0] + s[1]
    def outer(i, s):
        s = lax.fori_loop(0, 3, inner, s)
        return lax.cond(flag & (i % 2 == 0), lambda t: (jnp.sort(t[0]), t[1]), lambda t: (t[1] @ t[0], t[0]), s)
    x, y = lax.fori_loop(0, 5, outer, (a, b @ b))
    return a.at[2:4].set(x[:2] @ y), jnp.tanh(x) @ y

a = jnp.ones((12, 12))
jax.jit(branches, donate_argnums=0)(a, a * 2, jnp.bool_(True))
