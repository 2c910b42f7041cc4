//! Ordering, confirmed by a one-time code: whoever takes it first orders, and nobody orders twice.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use typed_sessions::Clock as _;
use typed_sessions::axum::{Csrf, Session, SessionRejection, User};

use crate::Shop;
use crate::accounts::Order;
use crate::page::Page;
use crate::teas::{in_cart, price, total};
use crate::visit::Visit;

pub async fn show(
    visit: Session<Visit>,
    page: Page,
    mut csrf: Csrf,
) -> Result<Response, SessionRejection> {
    let teas = in_cart(&visit.cart);
    if teas.is_empty() {
        return Ok(Redirect::to("/cart").into_response());
    }
    let token = csrf.token().await?;
    let main = html! {
        div.narrow {
            h1 { "Check out" }
            ul.rows {
                @for (tea, quantity) in &teas {
                    li.row {
                        div.what { (tea.name) " × " (quantity) }
                        div { (price(tea.cents * quantity)) }
                    }
                }
            }
            div.sum { p { "Total " strong { (price(total(&visit.cart))) } } }
            @if visit.code.is_some() { (code_form(&token)) } @else { (send_form(&token)) }
        }
    };
    Ok(page.show(&visit, "Check out", main).into_response())
}

fn send_form(csrf: &str) -> Markup {
    html! {
        form.stack method="post" action="/checkout/code" {
            input type="hidden" name="csrf" value=(csrf);
            p { "We send you a code to make sure that it is you who orders." }
            button.primary { "Send me a code" }
        }
    }
}

fn code_form(csrf: &str) -> Markup {
    html! {
        form.stack method="post" action="/checkout" {
            input type="hidden" name="csrf" value=(csrf);
            label for="code" { "Your code" }
            input #code name="code" inputmode="numeric" autocomplete="one-time-code" required
                pattern="[0-9]{6}" aria-describedby="code-help";
            p.quiet #code-help { "Six digits. It holds for five minutes, and once." }
            button.primary { "Place the order" }
        }
    }
}

#[derive(Deserialize)]
pub struct SendCode {
    csrf: String,
}

pub async fn send_code(
    mut user: User<Visit>,
    mut page: Page,
    csrf: Csrf,
    Form(sent): Form<SendCode>,
) -> Result<Redirect, SessionRejection> {
    csrf.verify(&sent.csrf)?;
    let code = six_digits();
    page.flash.info(format!("A real shop would send it to your phone. Your code is {code}."));
    user.session_mut().set(Visit::CODE, Some(code)).await?;
    Ok(Redirect::to("/checkout"))
}

fn six_digits() -> String {
    let number = getrandom::u64().expect("the system has a random generator");
    format!("{:06}", number % 1_000_000)
}

#[derive(Deserialize)]
pub struct PlaceOrder {
    csrf: String,
    code: String,
}

pub async fn order(
    State(shop): State<Shop>,
    mut user: User<Visit>,
    mut page: Page,
    csrf: Csrf,
    Form(sent): Form<PlaceOrder>,
) -> Result<Redirect, SessionRejection> {
    csrf.verify(&sent.csrf)?;
    let visit = user.session_mut();
    // Gone with the first try, right or wrong: nobody guesses twice, and of two clicks one orders.
    let code = visit.take(Visit::CODE).await?;
    let is_right =
        code.is_some_and(|code| code.as_bytes().ct_eq(sent.code.trim().as_bytes()).into());
    if !is_right {
        page.flash.error("That was not the code, or it has run out. Let us send you another.");
        return Ok(Redirect::to("/checkout"));
    }
    let cart = std::mem::take(&mut visit.cart);
    if cart.is_empty() {
        page.flash.error("Your cart is empty by now.");
        return Ok(Redirect::to("/cart"));
    }
    // Before the order is placed: with a cart that stays full it would be placed twice.
    visit.save().await?;
    let order = Order { at: shop.clock.now(), pieces: cart.values().sum(), cents: total(&cart) };
    shop.accounts.place(user.user(), order);
    page.flash.success("Thank you! Your tea is on its way.");
    Ok(Redirect::to("/account"))
}
