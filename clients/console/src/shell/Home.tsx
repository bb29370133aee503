// What now? The modules of the person.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { me, menu } from "../api/queries.ts";
import { Icon } from "../parts/Icon.tsx";
import { Answered } from "../parts/states.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";

export default function Home() {
  const { data: person } = useQuery(me);
  const groups = useQuery(menu);
  return (
    <>
      <Heading title={say("home.title")} note={person && say("home.welcome", { name: person.first_name ?? person.username })} />
      <Answered to={groups}>
        {(found) => found.map((group) => (
          <section key={group.slug} className="home-group">
            <h2>{group.group_name}</h2>
            <div className="cards">
              {group.modules.map(({ slug, route, name, icon }) => (
                <Link key={slug} to={route} className="card"><Icon name={icon} /><span>{name}</span></Link>
              ))}
            </div>
          </section>
        ))}
      </Answered>
    </>
  );
}
