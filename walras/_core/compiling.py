"""How programs are compiled: well where they run for long, fast where they run once."""

import functools

import equinox as eqx
import jax

_OPTIONS: dict[str, bool | int] = {"xla_backend_optimization_level": 1}
if jax.__version_info__ < (0, 11):  # later ones do not know it, and refuse what they do not know
    _OPTIONS["xla_cpu_use_fusion_emitters"] = False

brief_jit = functools.partial(eqx.filter_jit, compiler_options=_OPTIONS)
"""`equinox.filter_jit` for programs that run once or a few times: on a processor they compile in half the time and run
somewhat slower. The loop of learning is compiled with the plain one. Other devices ignore the option."""
