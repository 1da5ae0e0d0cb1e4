/**
 * The demo's shop: the same rows at every start, and nobody's. E-mail addresses are of the reserved example domains
 * (RFC 2606), social security numbers begin with 9 and have a group below 50 (never issued, as SSN or ITIN), card
 * numbers are the payment networks' published test numbers.
 */

export interface Row {
  readonly [column: string]: string | number | null;
}

export interface Shop {
  readonly users: readonly Row[];
  readonly products: readonly Row[];
  readonly orders: readonly Row[];
  readonly orderItems: readonly Row[];
  readonly payments: readonly Row[];
}

const USERS = 200;
const ORDERS = 640;
const SEED = 20260101;

const FIRST =
  "Ada Ben Carla Dmitri Elif Farid Greta Hugo Ines Jonas Keiko Lars Mina Nadia Omar Priya Quentin Rosa Sven Tara Umar Vera Wim Ximena Yusuf Zoe".split(
    " ",
  );
const LAST =
  "Abbott Berger Castillo Dubois Eriksen Fontaine Grieg Hansen Ibarra Jansen Kowalski Lindqvist Moreau Novak Okafor Petrov Quist Rossi Sato Tanaka Ueda Varga Weber Xu Young Zeman".split(
    " ",
  );
const CITIES = ["Lisbon", "Oslo", "Ghent", "Porto", "Kyoto", "Graz", "Malmö", "Nantes", "Bari", "Cork"];
const DOMAINS = ["example.com", "example.org", "example.net"];
const CARDS = [
  "4242424242424242",
  "4000056655665556",
  "5555555555554444",
  "2223003122003222",
  "5105105105105100",
  "378282246310005",
  "6011111111111117",
  "30569309025904",
  "3566002020360505",
];
const PRODUCTS: readonly (readonly [name: string, category: string, cents: number])[] = [
  ["Pour-over kettle", "kitchen", 5900],
  ["Cast-iron pan, 26 cm", "kitchen", 4450],
  ["Bread tin", "kitchen", 1890],
  ["Olive-wood spoon", "kitchen", 990],
  ["Linen apron", "kitchen", 3200],
  ["Desk lamp", "home", 7490],
  ["Wool blanket", "home", 8900],
  ["Cork notice board", "home", 2450],
  ["Beeswax candles, 4", "home", 1650],
  ["Door mat", "home", 2790],
  ["Fountain pen", "paper", 3900],
  ["Dotted notebook", "paper", 1290],
  ["Ink, midnight blue", "paper", 1150],
  ["Letter paper, 50", "paper", 890],
  ["Brass ruler", "paper", 1490],
  ["Rain jacket", "outdoor", 12900],
  ["Enamel mug", "outdoor", 1190],
  ["Hiking socks", "outdoor", 1790],
  ["Headlamp", "outdoor", 3490],
  ["Tarp, 3 × 3 m", "outdoor", 6900],
];

export function makeShop(): Shop {
  const random = mulberry32(SEED);
  const upTo = (count: number): number => Math.floor(random() * count);
  const users = Array.from({ length: USERS }, (_, index) => makeUser(index + 1, upTo));
  const products = PRODUCTS.map(([name, category, cents], index) => ({ id: index + 1, name, category, price: euros(cents) }));
  const orders: Row[] = [];
  const orderItems: Row[] = [];
  const payments: Row[] = [];
  for (let id = 1; id <= ORDERS; id += 1) {
    const user = 1 + upTo(USERS);
    const placedAt = moment(400 * 24 * 60 - Math.floor((id / ORDERS) * 390 * 24 * 60) - upTo(600));
    const status = (["paid", "paid", "shipped", "shipped", "shipped", "delivered", "delivered", "cancelled", "refunded"] as const)[upTo(9)];
    let total = 0;
    for (const product of distinct(1 + upTo(3), PRODUCTS.length, upTo)) {
      const quantity = 1 + upTo(3);
      const cents = PRODUCTS[product]?.[2] ?? 0;
      total += cents * quantity;
      orderItems.push({ order_id: id, product_id: product + 1, quantity, price: euros(cents) });
    }
    orders.push({ id, user_id: user, status: status ?? "paid", total: euros(total), placed_at: placedAt });
    // A customer pays with one of two cards.
    const card = CARDS[(user + upTo(2)) % CARDS.length] ?? null;
    if (status !== "cancelled") payments.push({ id: payments.length + 1, order_id: id, card, amount: euros(total), paid_at: placedAt });
  }
  return { users, products, orders, orderItems, payments };
}

function makeUser(id: number, upTo: (count: number) => number): Row {
  const first = FIRST[upTo(FIRST.length)] ?? "Ada";
  const last = LAST[upTo(LAST.length)] ?? "Abbott";
  const digits = (count: number): string => String(upTo(10 ** count)).padStart(count, "0");
  return {
    id,
    name: `${first} ${last}`,
    email: `${first}.${last}${id}@${DOMAINS[upTo(DOMAINS.length)] ?? "example.com"}`.toLowerCase(),
    ssn: `9${digits(2)}-${String(1 + upTo(49)).padStart(2, "0")}-${String(id * 37).padStart(4, "0")}`,
    city: CITIES[upTo(CITIES.length)] ?? "Oslo",
    created_at: moment(400 * 24 * 60 + upTo(700 * 24 * 60)),
  };
}

function distinct(count: number, below: number, upTo: (count: number) => number): Set<number> {
  const picked = new Set<number>();
  while (picked.size < count) picked.add(upTo(below));
  return picked;
}

function euros(cents: number): string {
  return (cents / 100).toFixed(2);
}

/** Minutes before the end of 2025, as a timestamp. */
function moment(minutesBefore: number): string {
  return new Date(Date.UTC(2026, 0, 1) - minutesBefore * 60_000).toISOString();
}

/** Small seeded generator (mulberry32, public domain): numbers in [0, 1), the same for the same seed everywhere. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
