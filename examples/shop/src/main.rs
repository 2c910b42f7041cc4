//! A small shop, to click through: `cargo run --example shop`, then open the address that it
//! prints. `--listen 127.0.0.1:PORT` puts it elsewhere, `--store redis://...` or `postgres://...`
//! keeps its sessions there, with the feature of that name.

use std::error::Error;
use std::net::SocketAddr;

use typed_sessions::{SystemClock, connect};
use typed_sessions_examples_shop::{Scheme, Shop, app};

const USAGE: &str = "usage: shop [--listen ADDRESS:PORT] [--store URL]";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut listen, mut store) = ("127.0.0.1:3000".to_owned(), "memory:".to_owned());
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match name.as_str() {
            "--listen" => listen = value,
            "--store" => store = value,
            _ => return Err(USAGE.into()),
        }
    }

    let listener = tokio::net::TcpListener::bind(&listen)
        .await
        .map_err(|error| format!("{listen}: {error}; choose another by --listen"))?;
    let address = listener.local_addr()?;
    let shop = Shop::open(connect(store).await?, &address.to_string(), SystemClock).await?;
    let scheme = if address.ip().is_loopback() {
        println!("http://localhost:{} (Ctrl-C ends it)", address.port());
        Scheme::LocalHttp
    } else {
        println!("{address}, for a proxy that speaks HTTPS: browsers send its cookies to no other");
        Scheme::Https
    };

    let ended = shop.clone();
    let app = app(shop, scheme).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            let _ = tokio::signal::ctrl_c().await;
            // Event streams have no end of their own.
            let _ = ended.close().await;
        })
        .await?;
    Ok(())
}
