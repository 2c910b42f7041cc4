//! The cart. Visitors have one as well: it is stored with the first tea that goes into it.

use axum::Form;
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Deserialize;
use typed_sessions::axum::{Flash, Session, SessionRejection};

use crate::page::Page;
use crate::teas::{Tea, find, in_cart, price, total};
use crate::visit::Visit;

/// Of one tea.
const MOST: u32 = 20;

pub async fn show(visit: Session<Visit>, page: Page) -> Markup {
    let teas = in_cart(&visit.cart);
    let main = html! {
        div.middle {
            h1 { "Your cart" }
            @if teas.is_empty() {
                p.quiet { "There is nothing in it yet." }
                p { a.button.primary href="/" { "See our teas" } }
            } @else {
                ul.rows { @for (tea, quantity) in &teas { (row(tea, *quantity)) } }
                div.sum {
                    p { "Total " strong { (price(total(&visit.cart))) } }
                    a.button.primary href="/checkout" { "Check out" }
                }
            }
        }
    };
    page.show(&visit, "Cart", main)
}

fn row(tea: &Tea, quantity: u32) -> Markup {
    let id = format!("quantity-{}", tea.id);
    html! {
        li.row {
            div.thumb { (tea.tin()) }
            div.what {
                h2 { (tea.name) }
                p.quiet { (price(tea.cents)) " for 100 g" }
            }
            form.quantity method="post" action="/cart/quantity" {
                input type="hidden" name="tea" value=(tea.id);
                label.hidden for=(id) { "Quantity of " (tea.name) }
                input id=(id) type="number" name="quantity" min="0" max=(MOST) value=(quantity)
                    inputmode="numeric" required;
                button { "Update" span.hidden { " " (tea.name) } }
            }
            form method="post" action="/cart/quantity" {
                input type="hidden" name="tea" value=(tea.id);
                input type="hidden" name="quantity" value="0";
                button.plain { "Remove" span.hidden { " " (tea.name) } }
            }
        }
    }
}

#[derive(Deserialize)]
pub struct Add {
    tea: String,
}

pub async fn add(
    mut visit: Session<Visit>,
    mut flash: Flash,
    Form(form): Form<Add>,
) -> Result<Redirect, SessionRejection> {
    if let Some(tea) = find(&form.tea) {
        // Not `visit.cart...`: of two clicks at once both would count from the same number.
        visit
            .update(Visit::CART, |cart| {
                let quantity = cart.entry(tea.id.to_owned()).or_default();
                *quantity = (*quantity + 1).min(MOST);
            })
            .await?;
        flash.success(format!("{} is in your cart.", tea.name));
    }
    Ok(Redirect::to("/cart"))
}

#[derive(Deserialize)]
pub struct Quantity {
    tea: String,
    quantity: u32,
}

pub async fn set_quantity(
    mut visit: Session<Visit>,
    mut flash: Flash,
    Form(form): Form<Quantity>,
) -> Result<Redirect, SessionRejection> {
    if let Some(tea) = find(&form.tea).filter(|tea| visit.cart.contains_key(tea.id)) {
        visit
            .update(Visit::CART, |cart| match form.quantity {
                0 => drop(cart.remove(tea.id)),
                quantity => drop(cart.insert(tea.id.to_owned(), quantity.min(MOST))),
            })
            .await?;
        flash.success(match form.quantity {
            0 => format!("{} is no longer in your cart.", tea.name),
            _ => "Your cart is up to date.".to_owned(),
        });
    }
    Ok(Redirect::to("/cart"))
}
