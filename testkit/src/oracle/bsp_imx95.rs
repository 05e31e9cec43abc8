//! Properties of `bsp-imx95`.
