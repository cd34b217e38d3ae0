//! The running server.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
    rt, web,
};

use super::{challenge, chat, config::Config, control, gateway, model, passport, platform::Platform, upload, webhook};

/// A simulator that listens. Dropping it does not stop it: call [`Sim::stop`].
pub struct Sim {
    address: SocketAddr,
    platform: Arc<Platform>,
    handle: ServerHandle,
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

impl Sim {
    /// Starts a new platform in the caller's actix system. Port 0 takes a free one.
    pub fn start(listen: SocketAddr, config: Config) -> io::Result<Self> {
        Self::serve(listen, Platform::new(config))
    }

    /// Starts a server for a platform that may have had one before.
    pub fn serve(listen: SocketAddr, platform: Arc<Platform>) -> io::Result<Self> {
        let (server, address) = server(listen, platform.clone())?;
        let handle = server.handle();
        rt::spawn(server);
        Ok(Self { address, platform, handle, thread: None })
    }

    /// Starts a new platform in a thread and an actix system of its own.
    pub fn start_in_thread(listen: SocketAddr, config: Config) -> io::Result<Self> {
        let platform = Platform::new(config);
        let (sender, receiver) = std::sync::mpsc::channel();
        let served = platform.clone();
        let thread = thread::Builder::new().name("sim".into()).spawn(move || {
            rt::System::new().block_on(async move {
                let (server, address) = match server(listen, served) {
                    Ok(started) => started,
                    Err(error) => {
                        // the receiver waits until it hears one or the other
                        let _ = sender.send(Err(error));
                        return Ok(());
                    }
                };
                let _ = sender.send(Ok((address, server.handle())));
                server.await
            })
        })?;
        let (address, handle) = receiver.recv().map_err(io::Error::other)??;
        Ok(Self { address, platform, handle, thread: Some(thread) })
    }

    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    pub fn platform(&self) -> &Arc<Platform> {
        &self.platform
    }

    /// The address of the IM socket.
    pub fn im_url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// The base address of the gateway, where `/h5/…` follows, and of the passport and the picture upload.
    pub fn gateway_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base address of the language model.
    pub fn model_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Where notices may be sent.
    pub fn webhook_url(&self) -> String {
        format!("http://{}/webhook", self.address)
    }

    /// Drops every connection and stops listening. The platform stays.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        if let Some(thread) = self.thread {
            // it ends right after its server; a panic in it was printed already
            let _ = web::block(move || thread.join()).await;
        }
    }
}

fn server(listen: SocketAddr, platform: Arc<Platform>) -> io::Result<(Server, SocketAddr)> {
    let workers = platform.shared.config.workers;
    let resettable = AtomicUsize::new(platform.shared.config.resettable);
    let data = web::Data::from(platform);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(web::PayloadConfig::new(8 << 20))
            .route("/", web::get().to(chat::upgrade))
            .route("/h5/{api}/{version}/", web::route().to(gateway::call))
            .route("/api/upload.api", web::post().to(upload::take))
            .route("/v1/chat/completions", web::post().to(model::complete))
            .route("/webhook", web::post().to(webhook::receive))
            .configure(passport::routes)
            .configure(challenge::routes)
            .configure(control::routes)
    })
    .on_connect(move |connection, extensions| {
        let Some(stream) = connection.downcast_ref::<rt::net::TcpStream>() else { return };
        // Frames must not wait for each other; without it the connection is slower, nothing else.
        let _ = stream.set_nodelay(true);
        let left = resettable.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_ok()
            && let Some(socket) = chat::resettable(stream)
        {
            extensions.insert(socket);
        }
    })
    .workers(workers)
    .backlog(4096)
    .max_connections(200_000)
    .max_connection_rate(100_000)
    .disable_signals()
    .shutdown_timeout(1)
    .bind(listen)?;
    let address = server.addrs().first().copied().ok_or_else(|| io::Error::other("not listening"))?;
    Ok((server.run(), address))
}
