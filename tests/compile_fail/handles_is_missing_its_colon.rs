use rohrpost::handles;

struct Shop;
handles!(Shop);

fn main() {}
