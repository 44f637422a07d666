import jax, jax.numpy as jnp
def loss(W, x):
    def layer(c, w):
        h = jnp.tanh(c @ w)
        return h + c, h
    c, hs = jax.lax.scan(layer, x, W)
    return (c ** 2).sum() + hs.mean()
jax.jit(jax.grad(loss))(jnp.ones((4, 48, 48)), jnp.ones((5, 48)))
