// What now? The modules of the person, what was changed last in them, and for auditors how the day was.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { me, menu, useMay } from "../api/queries.ts";
import { Icon } from "../parts/Icon.tsx";
import { Answered } from "../parts/states.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { Lately } from "./Lately.tsx";
import { Today } from "./Today.tsx";

export default function Home() {
  const { data: person } = useQuery(me);
  const groups = useQuery(menu);
  const may = useMay();
  return (
    <>
      <Heading title={say("home.title")} note={person && say("home.welcome", { name: person.first_name ?? person.username })} />
      <section className="home-group" aria-labelledby="modules">
        <h2 id="modules">{say("home.modules")}</h2>
        <Answered to={groups}>
          {(found) => (
            <div className="cards">
              {found.flatMap(({ modules }) => modules).map(({ slug, route, name, icon }) => (
                <Link key={slug} to={route} className="card"><Icon name={icon} /><span>{name}</span></Link>
              ))}
            </div>
          )}
        </Answered>
      </section>
      {may("audit:read") && <Today />}
      <Lately />
    </>
  );
}
