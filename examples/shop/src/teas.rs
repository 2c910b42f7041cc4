//! What the shop sells.

use std::collections::BTreeMap;

use maud::{Markup, html};

pub struct Tea {
    pub id: &'static str,
    pub name: &'static str,
    pub origin: &'static str,
    pub taste: &'static str,
    pub cents: u32,
    /// Of its tin: the tin itself and its lid.
    colours: [&'static str; 2],
}

const fn tea(
    id: &'static str,
    name: &'static str,
    origin: &'static str,
    taste: &'static str,
    cents: u32,
    colours: [&'static str; 2],
) -> Tea {
    Tea { id, name, origin, taste, cents, colours }
}

pub const TEAS: [Tea; 6] = [
    tea(
        "assam",
        "Assam Hathikuli",
        "India",
        "Malty and strong; takes milk well.",
        890,
        ["#9c3d22", "#7a2c16"],
    ),
    tea(
        "darjeeling",
        "Darjeeling First Flush",
        "India",
        "Light, of flowers and muscatel.",
        1450,
        ["#b8862f", "#96691c"],
    ),
    tea(
        "sencha",
        "Sencha Yabukita",
        "Japan",
        "Fresh-cut grass, a little sweet.",
        1290,
        ["#4f7f4b", "#3a6337"],
    ),
    tea(
        "oolong",
        "Tie Guan Yin",
        "China",
        "Orchids, butter, a long finish.",
        1680,
        ["#2f6f73", "#215558"],
    ),
    tea(
        "jasmine",
        "Jasmine Pearls",
        "China",
        "Rolled by hand, scented five times.",
        1590,
        ["#7d5a86", "#61426a"],
    ),
    tea(
        "rooibos",
        "Rooibos Vanilla",
        "South Africa",
        "Round, warm and without caffeine.",
        690,
        ["#b4552d", "#913f1c"],
    ),
];

pub fn find(id: &str) -> Option<&'static Tea> {
    TEAS.iter().find(|tea| tea.id == id)
}

/// What is in a cart, and in what quantity. A tea that is sold no more is left out.
pub fn in_cart(cart: &BTreeMap<String, u32>) -> Vec<(&'static Tea, u32)> {
    cart.iter().filter_map(|(id, quantity)| Some((find(id)?, *quantity))).collect()
}

pub fn total(cart: &BTreeMap<String, u32>) -> u32 {
    in_cart(cart).iter().map(|(tea, quantity)| tea.cents * quantity).sum()
}

pub fn price(cents: u32) -> String {
    format!("€{}.{:02}", cents / 100, cents % 100)
}

impl Tea {
    /// Its tin, for the eye alone.
    pub fn tin(&self) -> Markup {
        let [tin, lid] = self.colours;
        html! {
            svg.tin viewBox="0 0 120 120" width="120" height="120" aria-hidden="true" {
                ellipse cx="60" cy="107" rx="38" ry="6" fill="#000" opacity=".12" {}
                rect x="27" y="34" width="66" height="72" rx="8" fill=(tin) {}
                rect x="23" y="18" width="74" height="22" rx="7" fill=(lid) {}
                rect x="27" y="34" width="12" height="72" rx="6" fill="#fff" opacity=".1" {}
                circle cx="60" cy="73" r="22" fill="#fbf6ea" {}
                path d="M60 88c-12-8-12-22 0-30 12 8 12 22 0 30z" fill=(tin) {}
                path d="M60 62v26" stroke="#fbf6ea" stroke-width="2" stroke-linecap="round" {}
            }
        }
    }
}
