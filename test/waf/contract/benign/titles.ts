import { TITLES } from '../waf-cases.ts';
import { type Asked, json } from './request.ts';

const MORE = `Union Station (1950)
Select * from Life (2019)
Select All (2012)
Delete History (2020)
Drop Zone (1994)
The Drop (2014)
Insert Name Here
Update: From the Front
From Dusk Till Dawn
From Here to Eternity
Where to Invade Next (2015)
Where Eagles Dare (1968)
Grant (2020)
Execute in 3 Seconds
Execute; or be executed
The Table Where I Was Born
Table for Five
Join the Dots or Die
Left, Join Us
Having You (2013)
Group By Moonlight
Order by Numbers: 1, 2, 3
Limit 1 (Offset 2)
Like Water for Chocolate
Not Like Others
And Then There Were None
And So It Goes (2014) and 1 = 1
Or Else (2023)
Is Null Island Real?
Null and Void
Case 39 When Then
Between 2 Ferns: The Movie
Between Two Worlds and One
In (2017)
Declare War
Cast Away (2000)
Convert (2023)
Count (1) to Ten
Sleep (2023)
Sleep(less) in Seattle
Benchmark (2010)
The Exec(utive)
Wait for It: Delay
Waitfor Delay
Char(lie) and the Chocolate Factory
Concat (a short)
Version() Two
User() Unknown
Database: A Love Story
Shut Down All Tables
1 or 2 Things I Know About Her
2 or 3 Things I Know About Her
8 1/2
(500) Days of Summer (2009)
12 Angry Men and 1 Juror
21 & Over
'Til There Was You
'night, Mother
"Weird Al": The Story
Don't Look Now (1973)
Can't Hardly Wait -- Extended
Ain't Them Bodies Saints
Hangin' with the Homeboys
Singin' in the Rain; Extended
Rock 'n' Roll High School
Guns 'N' Roses: Live
Surf's Up 2: WaveMania
Rosemary's Baby or Carrie's Mother
O Brother, Where Art Thou?
M. Hulot's Holiday / Mon oncle
Se7en
WALL·E
Tron: Legacy -- "Uprising"
Alien³
Romeo + Juliet
Adaptation.
$ (Dollars)
#Unfit
@Home
&Me
*61
...And Justice for All
;)
:-(
<Untitled>
Love > Hate
A < B < C
X/Y/Z
Either/Or
He/She/They
True/False
C:\\Windows of the Soul
~ (Tilde)
"><
The %100 Solution
Fahrenheit 9/11
Eval (the evaluation)
The Alert (1998)
Alert(s) and Alarms
Document.All
Script: The Movie
The Script Is the Thing
Frame by Frame
iFrame of Mind
Object of My Affection
Onload, Offload
Style & Substance
Echo (2023)
Cat People; Dog Soldiers
Ping Pong Playa | Pong
Nobody Walks in L.A.; nc-17
Net Worth; Net User
Bash (1999)
Curl Power
Kill -9 (documentary)
Top Gun; Top Secret
Time; Enough
Who; What; When
Id (1995)
Sh! The Octopus
Python (2000)
Perl; Ruby; Lua
System(s) of a Down
Passwd and Shadows
Etc / Etc / Etc
../.. (Dot Dot)
File: Under Crime
http://www.imdb.com/title/tt0078748/
https://www.themoviedb.org/movie/348-alien?language=en-US`.split('\n');

/** The portal's own free text: a film's title, and a note about it. */
export const titles: readonly Asked[] = [...TITLES, ...MORE].map((title) =>
  json('/api/requests', { title, kind: 'movie', note: `Please: ${title}` }),
);
