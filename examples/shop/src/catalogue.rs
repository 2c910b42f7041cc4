//! All teas.

use maud::{Markup, html};
use typed_sessions::axum::Session;

use crate::page::Page;
use crate::teas::{TEAS, price};
use crate::visit::Visit;

pub async fn show(visit: Session<Visit>, page: Page) -> Markup {
    let main = html! {
        div.hero {
            h1 { "Good tea, weighed by hand." }
            p { "Six teas from people whom we know. 100 grams each, sent tomorrow." }
        }
        ul.teas {
            @for tea in &TEAS {
                li.card {
                    div.picture { (tea.tin()) }
                    h2 { (tea.name) }
                    p.origin { (tea.origin) }
                    p.taste { (tea.taste) }
                    form.buy method="post" action="/cart" {
                        input type="hidden" name="tea" value=(tea.id);
                        span.price { (price(tea.cents)) }
                        button.primary { "Add to cart" span.hidden { ": " (tea.name) } }
                    }
                }
            }
        }
    };
    page.show(&visit, "Teas", main)
}
