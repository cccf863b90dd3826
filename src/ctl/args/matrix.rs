//! The words of `dnsctl matrix`.

use std::net::IpAddr;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, Subcommand};

use crate::matrix::set::{ServerName, Service};
use crate::matrix::texts::Part;

use super::{span, ttl};

const ADD_EXAMPLES: &str = "\
The records become what the command says, whatever an earlier `matrix add`
made; what others wrote is left alone, and told where it stands in the way.
Without --delegate servers are led by .well-known, which names the port.

--address behind --view is that view's. A name that is not on the homeserver's
host is given its address behind an equals sign: --turn=203.0.113.20.

Examples:
  dnsctl matrix add hearth.example --address 203.0.113.10
  dnsctl matrix add hearth.example --address 203.0.113.10 --delegate srv \\
    --port 8449 --turn --rtc --element
  dnsctl matrix add hearth.example --address 198.51.100.7 \\
    --view lan --address 192.168.1.5 --view abroad --address 203.0.113.10";

const SHOW_EXAMPLES: &str = "\
Parts: server, client, nginx, caddy, synapse, conduit, turn, peers

Examples:
  dnsctl matrix show
  dnsctl matrix show hearth.example --part nginx >/etc/nginx/conf.d/matrix.conf";

const CHECK_WORDS: &str = "\
Looks at the files as they are on disk, at records that are well-formed and
wrong all the same, as everybody sees them and as each view does. An error
keeps somebody away, and makes the exit code 1; a warning is for some.

Examples:
  dnsctl matrix check
  dnsctl matrix check hearth.example --json";

const MOVE_EXAMPLES: &str = "\
Changes the records of everybody and of views that are at the same address.
With --lower-ttl nothing moves yet: run it without when the old TTL is over.
Then tells who keeps the old address for how long, and what ends that.

Examples:
  dnsctl matrix move 203.0.113.11 --lower-ttl
  dnsctl matrix move 203.0.113.11 --keep 1h
  dnsctl matrix move 203.0.113.11 --ttl 300
  dnsctl matrix move 192.168.1.6 --view lan";

const MATRIX_EXAMPLES: &str = "\
Examples:
  dnsctl matrix add hearth.example --address 203.0.113.10 --turn --rtc
  dnsctl matrix show hearth.example";

/// About Matrix servers.
#[derive(Debug, Args)]
#[command(after_help = MATRIX_EXAMPLES, disable_help_subcommand = true)]
pub struct MatrixArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: MatrixCommand,
}

/// What to do about a Matrix server.
#[derive(Debug, Subcommand)]
pub enum MatrixCommand {
    /// Write a Matrix server's records, and print what goes with them
    #[command(after_help = ADD_EXAMPLES)]
    Add(Box<MatrixAddArgs>),
    /// Show what is set for Matrix servers, and what goes with it
    #[command(after_help = SHOW_EXAMPLES)]
    Show(MatrixShowArgs),
    /// Remove the records of a Matrix server
    Remove(MatrixRemoveArgs),
    /// List what is wrong with the records of Matrix servers
    #[command(after_help = CHECK_WORDS)]
    Check(MatrixCheckArgs),
    /// Lead everybody to another address of a Matrix server
    #[command(after_help = MOVE_EXAMPLES)]
    Move(MatrixMoveArgs),
    /// Walk to a Matrix server, and say where the way ends
    #[cfg(feature = "doctor")]
    #[command(after_help = super::doctor::WORDS)]
    Doctor(Box<super::doctor::DoctorArgs>),
}

/// A Matrix server's records.
#[derive(Debug, Args)]
pub struct MatrixAddArgs {
    /// The part behind the colon in @you:hearth.example
    #[arg(value_name = "SERVER_NAME", value_parser = server_name)]
    pub server: ServerName,
    /// Addresses of everybody and of views.
    #[command(flatten)]
    pub addresses: Places,
    /// The homeserver [default: matrix.SERVER_NAME]
    #[arg(long, value_name = "HOST")]
    pub homeserver: Option<String>,
    /// Its port for other servers [default: 443, srv: 8448]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// How they are led there: well-known, srv, none
    #[arg(long, value_name = "WAY", value_parser = ["well-known", "srv", "none"], hide_possible_values = true)]
    pub delegate: Option<String>,
    /// Address of the server name, if it is another
    #[arg(long, value_name = "ADDRESS", value_parser = addresses)]
    pub web: Option<Addresses>,
    /// A name for TURN (calls of two)
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, value_parser = addresses)]
    pub turn: Option<Option<Addresses>>,
    /// A name for LiveKit and lk-jwt-service (calls of groups)
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, value_parser = addresses)]
    pub rtc: Option<Option<Addresses>>,
    /// A name for matrix-authentication-service
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, value_parser = addresses)]
    pub auth: Option<Option<Addresses>>,
    /// A name for Element Web
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, value_parser = addresses)]
    pub element: Option<Option<Addresses>>,
    /// A name for a push gateway
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, value_parser = addresses)]
    pub push: Option<Option<Addresses>>,
    /// Port at which clients reach it [default: 443]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub client_port: Option<u16>,
    /// TTL of the records [default: 300]
    #[arg(long, value_name = "TTL", value_parser = ttl)]
    pub ttl: Option<u32>,
    /// Mode of the zone if it is made: private or overlay
    #[arg(long, value_name = "MODE", value_parser = ["private", "overlay"], hide_possible_values = true)]
    pub mode: Option<String>,
    /// Take the place of records that others wrote
    #[arg(long)]
    pub replace: bool,
    /// Write nothing; show what would change in the files
    #[arg(long)]
    pub dry_run: bool,
}

impl MatrixAddArgs {
    /// The services that are wanted, and the addresses of those that have their own.
    pub fn services(&self) -> impl Iterator<Item = (Service, Option<&Addresses>)> {
        let given = |service| match service {
            Service::Turn => &self.turn,
            Service::Rtc => &self.rtc,
            Service::Auth => &self.auth,
            Service::Element => &self.element,
            Service::Push => &self.push,
        };
        let wanted = Service::ALL.into_iter();
        wanted.filter_map(move |service| Some((service, given(service).as_ref()?.as_ref())))
    }
}

/// Which Matrix servers to show.
#[derive(Debug, Args)]
pub struct MatrixShowArgs {
    /// Only this one
    #[arg(value_name = "SERVER_NAME", value_parser = server_name)]
    pub server: Option<ServerName>,
    /// Only this text, to be piped into a file
    #[arg(long, value_name = "PART", value_parser = part)]
    pub part: Option<Part>,
}

/// Which Matrix server's records to remove.
#[derive(Debug, Args)]
pub struct MatrixRemoveArgs {
    /// The server name
    #[arg(value_name = "SERVER_NAME", value_parser = server_name)]
    pub server: ServerName,
    /// Write nothing; show what would change in the files
    #[arg(long)]
    pub dry_run: bool,
}

/// Which Matrix server to check.
#[derive(Debug, Args)]
pub struct MatrixCheckArgs {
    /// Only the zone of this one
    #[arg(value_name = "SERVER_NAME", value_parser = server_name)]
    pub server: Option<ServerName>,
}

/// Where a Matrix server moves to.
#[derive(Debug, Args)]
pub struct MatrixMoveArgs {
    /// The new address; several are parted by commas
    #[arg(value_name = "ADDRESS", value_parser = addresses)]
    pub to: Addresses,
    /// The server name, where there are several
    #[arg(long, value_name = "SERVER_NAME", value_parser = server_name)]
    pub server: Option<ServerName>,
    /// Only what is at this address [default: that of everybody]
    #[arg(long, value_name = "ADDRESS", value_parser = addresses)]
    pub from: Option<Addresses>,
    /// Only the records of this view
    #[arg(long, value_name = "VIEW")]
    pub view: Option<String>,
    /// Only lower the TTL for now [default: 60]
    #[arg(long, value_name = "TTL", num_args = 0..=1, require_equals = true, value_parser = ttl, conflicts_with_all = ["keep", "ttl"])]
    pub lower_ttl: Option<Option<u32>>,
    /// Serve the old address beside the new one for so long
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub keep: Option<u32>,
    /// TTL of the records from now on
    #[arg(long, value_name = "TTL", value_parser = ttl)]
    pub ttl: Option<u32>,
    /// Write nothing; show what would change in the files
    #[arg(long)]
    pub dry_run: bool,
}

/// Several addresses in one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses(pub Vec<IpAddr>);

/// Addresses of everybody, and of the clients of views: `--address` belongs to the `--view` before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Those of everybody.
    pub base: Vec<IpAddr>,
    /// Those of views.
    pub views: Vec<(String, Vec<IpAddr>)>,
}

impl Args for Places {
    fn augment_args(command: clap::Command) -> clap::Command {
        let address = Arg::new("address")
            .long("address")
            .value_name("A[,AAAA]")
            .help("Its address; several are parted by commas")
            .value_parser(addresses)
            .action(ArgAction::Append)
            .required(true);
        let view = Arg::new("view")
            .long("view")
            .value_name("VIEW")
            .help("The --address behind it is for clients of this view")
            .action(ArgAction::Append);
        command.arg(address).arg(view)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Places {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut places = Places::default();
        places.update_from_arg_matches(matches)?;
        Ok(places)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let with_index = |id: &str| matches.indices_of(id).into_iter().flatten();
        let views = matches.get_many::<String>("view").into_iter().flatten();
        let views: Vec<(usize, &String)> = with_index("view").zip(views).collect();
        let addresses = matches.get_many::<Addresses>("address").into_iter().flatten();
        self.views = views
            .iter()
            .map(|(_, view)| ((*view).clone(), Vec::new()))
            .collect();
        for (at, Addresses(addresses)) in with_index("address").zip(addresses) {
            let view = views.iter().rposition(|(view_at, _)| *view_at < at);
            match view.and_then(|view| self.views.get_mut(view)) {
                Some((_, of_view)) => of_view.extend(addresses),
                None => self.base.extend(addresses),
            }
        }
        let bare = self.views.iter().find(|(_, addresses)| addresses.is_empty());
        if let Some((view, _)) = bare {
            return Err(wrong(&format!(
                "--view {view} has no address; write --view {view} --address ADDRESS"
            )));
        }
        if self.base.is_empty() {
            return Err(wrong(
                "every --address stands behind a --view; that of everybody else stands before the first --view",
            ));
        }
        Ok(())
    }
}

fn wrong(message: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::MissingRequiredArgument, format!("{message}\n"))
}

fn addresses(text: &str) -> Result<Addresses, String> {
    let read = text.split(',').map(|word| word.trim().parse::<IpAddr>());
    let read: Result<Vec<IpAddr>, _> = read.collect();
    read.map(Addresses)
        .map_err(|_| "expected an IP address, or several with commas between them".to_owned())
}

fn server_name(text: &str) -> Result<ServerName, String> {
    text.strip_suffix('.').unwrap_or(text).parse()
}

fn part(text: &str) -> Result<Part, String> {
    let known = || Part::ALL.map(Part::as_str).join(", ");
    Part::named(text).ok_or_else(|| format!("expected one of {}", known()))
}
