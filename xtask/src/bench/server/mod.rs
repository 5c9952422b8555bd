//! The server beside OpenBao, by turns in one run: processor time, latency, syncs, memory.

mod contender;
mod footprint;
pub(crate) mod layout;
mod load;
mod nginx;
mod report;
pub(crate) mod soak;
mod syncs;
mod workload;

use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::contender::{Contender, Process, Side};
use self::load::Until;
use self::nginx::Nginx;
use self::report::{number, table};
use self::workload::{Operations, Workload};
use super::median;
use crate::oracle;
use crate::shell::{self, Done};

/// What to measure, and how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Tables to make; all without
    #[arg(long, value_enum, value_delimiter = ',')]
    part: Vec<Part>,
    /// Workloads of these tables; all without
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Workload>,
    /// Measurements of each server, alternating; ratios are medians of them
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Connections that send at the same time
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Leave OpenBao out
    #[arg(long)]
    alone: bool,
}

/// A table.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Processor time, rate and latency
    Speed,
    /// Syncs of each durable request
    Syncs,
    /// Idle memory, restart, many tokens, many namespaces
    Footprint,
    /// A kv v2 read beside a static answer by nginx
    Nginx,
}

/// The processor time of a static answer by nginx that a kv v2 read may take.
const TIMES_NGINX: f64 = 3.0;

impl Options {
    /// A quick look: reads and writes.
    pub(super) fn brief() -> Self {
        let only = vec![Workload::Read, Workload::Write];
        Self { part: vec![Part::Speed], only, rounds: 3, seconds: 1.0, connections: 32, alone: false }
    }

    fn has(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }

    fn selected<'a>(&'a self, all: &'a [Workload]) -> impl Iterator<Item = Workload> + 'a {
        all.iter().copied().filter(|workload| self.only.is_empty() || self.only.contains(workload))
    }
}

/// Measures what `options` say and prints the tables.
pub(super) fn measure(binaries: &Path, options: &Options) -> Done {
    let ours = binaries.join("lockstep");
    let peer = if options.alone { None } else { Some(oracle::bao()?) };
    let folder = shell::target().join("bench");
    if options.has(Part::Footprint) {
        let of_ours = footprint::measure(Side::Ours, &ours, &folder.join("ours"), true)?;
        let of_peer = match &peer {
            Some(peer) => footprint::measure(Side::OpenBao, peer, &folder.join("openbao"), false)?,
            None => Vec::new(),
        };
        print_footprint(&of_ours, &of_peer);
    }
    if options.part == [Part::Footprint] {
        return Ok(());
    }
    let ours = Contender::start(Side::Ours, &ours, &folder.join("ours"))?;
    let peer =
        peer.map(|peer| Contender::start(Side::OpenBao, &peer, &folder.join("openbao"))).transpose()?;
    if options.has(Part::Syncs) {
        print_syncs(&ours, peer.as_ref(), options)?;
    }
    if options.has(Part::Speed) {
        print_speed(&ours, peer.as_ref(), options)?;
    }
    drop(peer);
    if options.has(Part::Nginx) {
        print_beside_nginx(&ours, &folder.join("nginx"), options)?;
    }
    Ok(())
}

/// One measurement.
struct Figures {
    /// Operations a second.
    rate: f64,
    /// Seconds of processor time that the server took for 1,000 operations.
    processor: f64,
    /// Milliseconds.
    p50: f64,
    p99: f64,
}

fn print_speed(ours: &Contender, peer: Option<&Contender>, options: &Options) -> Done {
    let head = [
        "operation",
        "CPU s per 1,000",
        "OpenBao",
        "ratio",
        "target",
        "per s",
        "OpenBao",
        "p50 ms",
        "OpenBao",
        "p99 ms",
        "OpenBao",
        "p99/p50",
    ];
    let mut rows = Vec::new();
    for workload in options.selected(&Workload::SPEED) {
        eprintln!("{} …", workload.title());
        rows.push(row(workload, &rounds(workload, ours, peer, options)?));
    }
    println!("\n{} connections, {} rounds of {} s\n", options.connections, options.rounds, options.seconds);
    println!("{}", table(&head, &rows));
    Ok(())
}

type Round = (Figures, Option<Figures>);

fn rounds(
    workload: Workload,
    ours: &Contender,
    peer: Option<&Contender>,
    options: &Options,
) -> Result<Vec<Round>, String> {
    let of_ours = workload.prepare(ours)?;
    let of_peer = peer.map(|peer| workload.prepare(peer)).transpose()?;
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        let mine = round(ours.process(), &of_ours, options)?;
        let theirs = match (peer, &of_peer) {
            (Some(peer), Some(work)) => Some(round(peer.process(), work, options)?),
            _ => None,
        };
        rounds.push((mine, theirs));
    }
    Ok(rounds)
}

fn round(server: Process<'_>, work: &Operations, options: &Options) -> Result<Figures, String> {
    let until = Until::Elapsed(Duration::from_secs_f64(options.seconds));
    // Connections are opened and caches filled before the clock starts.
    load::run(server.address, work, options.connections, Until::Count(options.connections as u64), 0)?;
    let before = server.processor_seconds()?;
    let done = load::run(server.address, work, options.connections, until, 0)?;
    let processor = server.processor_seconds()? - before;
    Ok(Figures {
        rate: done.operations() / done.seconds,
        processor: processor / done.operations() * 1000.0,
        p50: done.percentile(0.5),
        p99: done.percentile(0.99),
    })
}

fn row(workload: Workload, rounds: &[Round]) -> Vec<String> {
    let ours = |figure: fn(&Figures) -> f64| median(rounds.iter().map(|(ours, _)| figure(ours)).collect());
    let peers = |figure: fn(&Figures) -> f64| {
        let figures: Vec<f64> = rounds.iter().filter_map(|(_, peer)| peer.as_ref().map(figure)).collect();
        if figures.is_empty() { "–".to_owned() } else { number(median(figures)) }
    };
    let ratios: Vec<f64> =
        rounds.iter().filter_map(|(ours, peer)| Some(peer.as_ref()?.processor / ours.processor)).collect();
    let fraction = |one_of: f64| format!("1/{one_of:.0}");
    vec![
        workload.title().to_owned(),
        number(ours(|it| it.processor)),
        peers(|it| it.processor),
        if ratios.is_empty() { "–".to_owned() } else { fraction(median(ratios)) },
        workload.target().map_or_else(String::new, |target| fraction(1.0 / target)),
        number(ours(|it| it.rate)),
        peers(|it| it.rate),
        number(ours(|it| it.p50)),
        peers(|it| it.p50),
        number(ours(|it| it.p99)),
        peers(|it| it.p99),
        number(median(rounds.iter().map(|(ours, _)| ours.p99 / ours.p50).collect())),
    ]
}

fn print_syncs(ours: &Contender, peer: Option<&Contender>, options: &Options) -> Done {
    let head = ["syncs per request", "1 connection", "OpenBao", "32 connections", "OpenBao"];
    let mut rows = Vec::new();
    for (index, workload) in options.selected(&Workload::DURABLE).enumerate() {
        eprintln!("syncs of {} …", workload.title());
        let first = (index as u64 + 1) * 10_000;
        let mine = syncs::count(ours, workload, first)?;
        let theirs = peer.map(|peer| syncs::count(peer, workload, first)).transpose()?;
        let shown = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), |it| format!("{it:.2}"));
        rows.push(vec![
            workload.title().to_owned(),
            shown(Some(mine.alone)),
            shown(theirs.as_ref().map(|it| it.alone)),
            shown(Some(mine.together)),
            shown(theirs.as_ref().map(|it| it.together)),
        ]);
    }
    println!("\n{}", table(&head, &rows));
    Ok(())
}

/// The same requests go to both, by turns.
fn print_beside_nginx(ours: &Contender, folder: &Path, options: &Options) -> Done {
    let Some(nginx) = Nginx::start(folder)? else {
        let text = "there is no `nginx` on PATH: the table beside it is left out";
        if options.part.contains(&Part::Nginx) {
            return Err(format!("{text}\nhint: install it, or leave out `nginx`"));
        }
        eprintln!("{text}");
        return Ok(());
    };
    eprintln!("{} beside nginx …", Workload::Read.title());
    let work = Workload::Read.prepare(ours)?;
    let nginx = Process { id: nginx.id(), address: &nginx.address };
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        rounds.push((round(ours.process(), &work, options)?, round(nginx, &work, options)?));
    }
    let middle = |figure: fn(&(Figures, Figures)) -> f64| number(median(rounds.iter().map(figure).collect()));
    let head = ["operation", "CPU s per 1,000", "nginx, static", "times nginx", "target", "per s", "nginx"];
    let row = vec![
        Workload::Read.title().to_owned(),
        middle(|(ours, _)| ours.processor),
        middle(|(_, nginx)| nginx.processor),
        middle(|(ours, nginx)| ours.processor / nginx.processor),
        number(TIMES_NGINX),
        middle(|(ours, _)| ours.rate),
        middle(|(_, nginx)| nginx.rate),
    ];
    println!("\n{}", table(&head, &[row]));
    Ok(())
}

fn print_footprint(ours: &[footprint::Figure], peer: &[footprint::Figure]) {
    let rows = ours.iter().map(|(name, figure, unit)| {
        let theirs = peer.iter().find(|(other, ..)| other == name);
        let theirs =
            theirs.map_or_else(String::new, |(_, figure, unit)| format!("{} {unit}", number(*figure)));
        vec![name.clone(), format!("{} {unit}", number(*figure)), theirs]
    });
    println!("\n{}", table(&["footprint", "ours", "OpenBao"], &rows.collect::<Vec<_>>()));
}
