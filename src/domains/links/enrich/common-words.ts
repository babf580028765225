/**
 * The background against which a word is rare: there is no corpus, so this own list of everyday English words, which
 * fill pages without naming their topic, stands for one. They may still be tags when the catalog has them.
 */
const COMMON = `ability able access account act action active actual actually add added adding additional address advance
  advantage advice affect age agree ahead aim allow allowed allows amazing amount annual answer anyway apart appear apply
  approach appropriate april area article ask asked aspect assume attention attempt august author available average avoid
  aware based basic basically basis beautiful beautifully began begin beginner beginning believe benefit best better big
  bit black blog blue board body book bottom box brand break bring brings brought build building built busy button buy call
  called calls care careful case cause center central century certain certainly challenge chance change changed changes
  changing chapter character check choice choose chosen city claim class clear clearly click close collection color com come
  comes coming comment comments common company compare complete completely complex concept concern condition conduct connect
  consider considered contact contain contains content context continue control copy copyright core correct cost could
  country couple course cover create created creates creating credit current currently cut daily date day days deal december
  decide decision deep default define definitely degree demand depend depending describe described design designed detail
  details determine develop developed different difficult difficulty direct direction directly discover discuss discussed
  display doing dollar double dr draw drive drop due early easier easily easy edit effect effective effectively effort
  element email end ended ensure enter entire entirely entry equal error especially essential establish event eventually
  exact exactly example examples excellent except exist existing expect expected expensive experience expert experts explain
  express extra extremely eye face fact factor facts fail fair fall familiar family fan far fast favorite feature features
  february feel feeling feet felt field fight figure file fill final finally find finding finds fine fit fix focus focused
  follow followed following follows force form format former forward found free frequently fresh friday friend friends
  front full fully fun function future gain general generally generate girl glad goal goals good grade great green ground
  group grow growing growth guess guide guy half hand handle happen happened happens happy hard head hear heard heavy held
  help helped helpful helping helps high higher highest highly hit hold home hope hot hour hours house huge human hundred
  idea ideal ideas identify image images imagine immediately impact important improve improved include included includes
  including increase increased increasing incredible indicate individual individuals information initial inside instance
  interest interested interesting introduce introduction involve involved involves issue issues item items january job join
  july june key kid kind kinds large larger largest late later latest lead leader leading learn learned learning leave led
  left length level levels life light limit limited line link links list listed little live lives living local location log
  long longer look looked looking looks lose lost lot lots love low lower main maintain major majority man manage manner
  march mark matter maximum mean meaning means meant measure meet member members men mention mentioned menu message method
  middle million millions mind minimum minute minutes miss mistake model modern moment monday money month monthly months
  morning mother move moved moving mr mrs multiple name named names national natural naturally nature necessary negative
  new news newsletter nice night non normal normally note notes notice november number numbers object obvious obviously
  october offer offered offering offers office official okay old older online open opened opening operate opinion opportunity
  opportunities option options order original outside overall overview page pages paid paper paragraph part particular
  particularly parts party pass past pay people percent perfect perform perhaps period person personal phone photo photos
  pick picture piece place places plan plans plus point points policy poor popular position positive possible post posted
  posts potential power powerful practical practice practices prepare present pretty prevent previous previously price prices
  primary print prior privacy probably problem problems process produce product products professional professionals program
  programs project projects proper properly protect prove provide provided provider providers provides providing public
  published pull purpose push quality question questions quick quickly quiet raise range rate rating reach read reader readers
  reading ready real reality reason reasons receive received recent recently recommend recommended record red reduce refer
  reference regular related relationship relative release released relevant remain remember remove reply report reported
  reports represent request require required requirement requirements requires reserved resource resources respect response
  rest result results return review reviews rich right rights rise road role room rule rules run running safe sale saturday
  save saying scale school score search season seat section select self sell send sense sent separate september series serious
  serve service services session set sets setting settings setup share shared sharing short shot show showed showing shown
  shows side sign significant significantly similar simple simply single sit site sites situation size skill skills sleep slow
  small smaller social solution solutions solve sort sound source sources space speak special specific specifically spend spent
  spot staff stage stand standard standards start started starting starts state stated statement states stay step steps stick
  stop store story straight strategy street strong structure student students studies study stuff style subject subscribe
  success successful suggest suitable summary sunday super support supported sure surely surface surprise system systems table
  taking talk talking target task tasks teach team teams tech technique term terms test text thank thanks think thinking
  thought thousand thursday tie time times tip tips title today tomorrow tonight top topic topics total touch track
  traditional treat tried trouble true truly try trying tuesday turn turned tv type types typical typically unable understand
  understanding unique unit unless unlike update updated updates usd useful user users usual valuable value values variety
  various vary version video view visit voice wait walk wall warm watch watching wednesday week weekend weeks weight welcome
  white wide win wish woman women wonder wonderful word words work worked worker workers working works world worry worst worth
  write writer writing written wrong year years yesterday young always across
  accept accepted according achieve acquire actions activities activity adapt adult adults affected afternoon agreed air allowing
  alternative amazon announced announcement annually apparent appeal appears applied applicable approximately arrive art assist
  associate associated association attend attractive authority award base became began beyond bigger billion birth brief bright
  broad broken brother bucket budget bunch businesses busy button card carefully carry categories category ceo chair changes
  charge cheap child children choices choosing classes clean clients client closed closely cold collect combination combine
  comfortable coming communities community companies comparison competitive concerns confirm confusing consistent constant
  consult continued continues contribute convenient conversation corner corporate count created creation critical crowd
  cultural culture customer customers customize damage danger deals decade decades decided decisions deliver delivered delivery
  department desire despite detailed developing device devices director dream dry ease edge effects efficient efforts email
  emphasis employee employees enable encourage energy engage engaged enhance enjoy enough environment equipment era errors evening
  everyday evidence evolve examine exciting expand experienced experiences explore extend external factors failure famous
  feedback fellow filled finish firm fits flat flexible floor flow food foundation founder free frequent friendly full game
  gather generation gift global gold government greater greatest guidance guidelines hair hands happening head heads heart
  height hello hide highlight historical history hotel ideal ignore images impossible impressive improvement improvements
  industries industry influence innovation innovative input inspired install integrate intended interested internal
  international internet interview introduced invite kitchen knowledge lack language launch launched layer layout leaders leads
  leaves legal lets limits listen load locations looks loss machine mail mainly manager managing manufacturer map market
  markets master match material materials max maximize media meeting mental mentions message methods mile miles mini minor mix
  mobile mode moments morning mostly motion mouth named narrow nation native needed net network nobody north object offers
  officer operation operations opposite organization organizations organize owner owners pack paid pair partner partners path
  patient patients pattern perfect performance phase physical pieces plain planned planning plant platform platforms play player
  players pleasure plenty pop portion possibly practice prefer preferred presence president pressure prime principle principles
  priority private processes professor progress promise promote property proud proven purchase qualified quarter race random ranked
  ranking rapidly rare raw react reasonable recognize region regularly remains remarkable remote replace requests research
  researchers responsible restaurant retail reveal risk risks river rock round sales sample scene schedule science scientist
  screen seconds secret seek selected selection sector seek sequence serves seven shape shift ship shop shops simple skin smart
  smooth society software soft someone somewhat song south speaking speed stable station status stored strategies strength strong
  struggle sub successful suit supply survey sweet switch tailored talent taste technical technologies techniques technology
  tell ten tends testing thick thin thoughts tool tools tour towards town trade training transform travel tree trend trends trip
  trust ultimate unfortunately united university upper variable vast vehicle versions views vision volume wants war waste water
  web website websites wife willing wind window wins won wood workshop worldwide yards zero`;

const words = new Set(COMMON.split(/\s+/).filter(Boolean));

/** Whether a folded word is everyday English. */
export function isCommon(word: string): boolean {
  return words.has(word);
}
