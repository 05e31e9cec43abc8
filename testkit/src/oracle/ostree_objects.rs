//! Properties of `ostree-objects`.
