//! What help says below the options of the commands that look into a running daemon: its counts, the last queries, its
//! cache. The commands themselves are in `args`.

pub(super) const STATS_WORDS: &str = "\
Counted since the start, for each transport that is listened on:
  accepted          connections let in
  full              turned away: all places are taken
  client-full       turned away: this client has as many as one may have
  handshake-failed  of TLS or QUIC
  handshake-late    not finished in time
  request-late      a request that did not arrive in time
  too-large         a request larger than it may be
  bad-request       HTTP 4xx, or an error of HTTP/2 or QUIC
  too-many          requests more than a connection may have, at once or in all
  idle              closed because nothing was asked for long
  not-taken         closed because replies were not taken for long
  retry             QUIC clients that had to prove their address first
  token-refused     queries with a device's token that is not known";

pub(super) const QUERIES_EXAMPLES: &str = "\
What people ask for is nobody's business: queries are remembered only while
somebody watches, which is until 60 seconds after the last look; in memory, the
last 512 of them. Soon after they are forgotten. So the first look shows none.

Examples:
  dnsctl queries
  dnsctl queries --follow";

pub(super) const FLUSH_EXAMPLES: &str = "\
Examples:
  dnsctl flush                       everything
  dnsctl flush www.example.org       this name
  dnsctl flush --below example.org   this name and all below it";

pub(super) const CACHE_EXAMPLES: &str = "\
Examples:
  dnsctl cache stats
  dnsctl cache dump
  dnsctl cache dump --below example.org --json";

pub(super) const CACHE_DUMP_EXAMPLES: &str = "\
LEFT are the seconds for which an answer is good; below 0 since when it is
not. To look is not to ask: nothing counts as a hit.

Examples:
  dnsctl cache dump                       everything, up to 10000 answers
  dnsctl cache dump www.example.org       this name
  dnsctl cache dump --below example.org   this name and all below it";
