//! Properties of `uptane-core`.
