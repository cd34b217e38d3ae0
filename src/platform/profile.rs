//! Pages of people on the platform.

use crate::ids::BuyerId;

/// The address of somebody's page.
pub fn url(user: &BuyerId) -> String {
    format!("https://www.goofish.com/personal?userId={user}")
}
