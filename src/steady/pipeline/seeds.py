"""One root seed, recorded; every draw's own seed follows from it."""

import hashlib

import msgspec

from steady.pipeline.plan import Plan
from steady.types import Request, World


def root_seed(request: Request, plan: Plan, world: World) -> int:
    """Return the client's seed, else one derived from the request if the policy says so, else a fresh random one."""
    if plan.sampling.seed is not None:
        return plan.sampling.seed
    if plan.policy.doc.candidates.seed == "request":
        body = msgspec.json.encode([plan.policy.hash, plan.messages, plan.fields], order="sorted")
        return int.from_bytes(hashlib.sha256(body).digest()[:4], "big") >> 1
    return world.root_seed()


def draw_seed(root: int, slot: int, attempt: int) -> int:
    """Return one draw's seed, in [0, 2**31): the root itself for the first, a hash of root and place for the rest."""
    if slot == attempt == 0:
        return root
    return int.from_bytes(hashlib.sha256(f"{root}:{slot}:{attempt}".encode()).digest()[:4], "big") >> 1
