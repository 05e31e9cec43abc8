//! Properties of `etc-merge`.
