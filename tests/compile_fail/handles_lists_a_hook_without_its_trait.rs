use rohrpost::handles;

struct Clock;
handles!(Clock: hooks started, stopping);

fn main() {}
