/** The demo's data must be nobody's, and the same at every start: the README shows what it prints. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeShop } from "#src/demo/shop.ts";

const shop = makeShop();

test("the shop is the same at every start", () => {
  assert.deepEqual(makeShop(), shop);
  assert.equal(shop.users.length, 200);
  assert.ok(shop.orders.length > 500 && shop.payments.length > 400);
});

test("e-mail addresses are unique and of reserved domains", () => {
  const emails = shop.users.map((user) => String(user["email"]));
  assert.equal(new Set(emails).size, emails.length);
  for (const email of emails) assert.match(email, /^[a-z]+\.[a-z]+\d+@example\.(com|org|net)$/);
});

test("social security numbers are unique and of ranges that are never issued", () => {
  const numbers = shop.users.map((user) => String(user["ssn"]));
  assert.equal(new Set(numbers).size, numbers.length);
  for (const number of numbers) {
    assert.match(number, /^9\d\d-\d\d-\d{4}$/);
    const group = Number(number.slice(4, 6));
    assert.ok(group >= 1 && group < 50, number); // from 50 on the number could be an ITIN
  }
});

test("card numbers are the networks' test numbers, and add up as card numbers do", () => {
  for (const { card } of shop.payments) {
    const digits = [...String(card)].reverse().map(Number);
    const sum = digits.reduce((total, digit, index) => total + (index % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2), 0);
    assert.equal(sum % 10, 0, String(card));
  }
});

test("every order and payment is of somebody and something", () => {
  const orders = new Set(shop.orders.map((order) => order["id"]));
  for (const order of shop.orders) assert.ok(shop.users.some((user) => user["id"] === order["user_id"]));
  for (const payment of shop.payments) assert.ok(orders.has(payment["order_id"] ?? null));
  for (const item of shop.orderItems) assert.ok(shop.products.some((product) => product["id"] === item["product_id"]));
});
