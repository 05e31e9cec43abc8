//! Properties of `container-spec`.
