//! Serves a directory on a free loopback port until it is killed: `serve DIR`.
//!
//! The tests kill it at all times; people use `img registry`.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use img_serve::{Limits, Server, Silent};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root: PathBuf = std::env::args_os().nth(1).ok_or("usage: serve DIR")?.into();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::bind(address, &root, Limits::default(), Arc::new(Silent)).await?;
    writeln!(std::io::stdout(), "{}", server.address())?;
    server.run(std::future::pending()).await;
    Ok(())
}
