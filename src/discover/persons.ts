/** What people are called and when they were born. Neither can be told by values alone: the name of the column must say it. */
import { type Detector, words } from "./detector.ts";

const WHOSE =
  "(?:user|customer|client|patient|employee|person|people|member|contact|owner|card ?holder|account ?holder|holder|guest|passenger|driver|student|" +
  "teacher|parent|guardian|recipient|sender|beneficiary|applicant|borrower|tenant|doctor|author|billing|shipping|emergency contact|next of kin)";

/** One word to five, of letters of any script: `de la Cruz`, `O'Neil`, `Dr. Ada Lovelace`, `LOVELACE, Ada`. */
const NAME = /^(?=.{2,60}$)\p{L}[\p{L}\p{M}'’.-]*(?:,? [\p{L}\p{M}'’.-]+){0,4}$/u;

export const PERSON_NAME: Detector = {
  kind: "name",
  what: "names of people",
  of: ["text"],
  fits: (value) => NAME.test(value.trim()),
  named: words(
    `${WHOSE} (?:full |first |last |middle )?names?`,
    "(?:first|last|given|family|middle|maiden|sur|fore|full|legal|nick|preferred) ?names?",
    "surnames?",
    "[fl] ?name",
    "prenoms?",
    "nom (?:de famille|complet)",
    "apellidos?",
    "nombre completo",
    "vorname",
    "nachname",
    "familienname",
    "sobrenome",
    "cognome",
    "card ?holder",
  ),
  alone: null,
  withName: 0.6,
  shaped: false,
};

/** Tables whose `name` is somebody's. */
export const OF_PERSONS = words(
  "(?:app |site )?users?",
  "customers?",
  "clients?",
  "patients?",
  "employees?",
  "staff",
  "persons?",
  "people",
  "members?",
  "contacts?",
  "students?",
  "teachers?",
  "doctors?",
  "guests?",
  "passengers?",
  "drivers?",
  "subscribers?",
  "applicants?",
  "candidates?",
  "kunden?",
  "clientes?",
);

const DAY =
  /^(?:18[5-9]\d|19\d{2}|20\d{2})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[ T]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00(?::?00)?)?)?$/;
const WRITTEN_DAY = /^(?:0?[1-9]|[12]\d|3[01])[/. -](?:0?[1-9]|[12]\d|3[01])[/. -](?:(?:18|19|20)\d{2}|\d{2})$/;

export const BIRTH_DATE: Detector = {
  kind: "birth-date",
  what: "dates of birth",
  of: ["date", "text"],
  fits: (value) => DAY.test(value.trim()) || WRITTEN_DAY.test(value.trim()),
  named: words(
    "d ?o ?b",
    "(?:date of )?birth(?: ?(?:date|day|year))?",
    "birth ?(?:date|day)",
    "b ?day",
    "born(?: (?:on|at|date))?",
    "geburts(?:datum|tag)",
    "geboren",
    "date (?:de )?naissance",
    "naissance",
    "(?:fecha (?:de )?)?nacimiento",
    "(?:data (?:de )?)?nascimento",
    "data (?:di )?nascita",
  ),
  alone: null,
  withName: 0.5,
  shaped: false,
};
