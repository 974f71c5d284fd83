//! What a secret is, by its name, by its shape and by its value, and how it is taken out of settings and texts.

mod known;
mod names;
mod shapes;
mod text;

pub use known::Known;
pub use names::{HIDDEN, holds_secret, is_secret, speaks_of_secrets};
pub use text::{mask, mask_setting, mask_text, spans};
