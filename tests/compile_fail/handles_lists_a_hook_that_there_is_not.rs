use rohrpost::handles;

struct Clock;
handles!(Clock: hooks ticking);

fn main() {}
